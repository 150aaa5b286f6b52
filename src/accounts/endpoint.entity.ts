import { Column, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** Where an account's results go. A disabled endpoint, or one without a URL, keeps its messages waiting. */
@Entity('endpoint')
export class Endpoint {
  @PrimaryColumn('text', { name: 'ats_id' })
  atsId!: string;

  @Column('text', { nullable: true })
  url!: string | null;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt!: Date | null;

  /** In plain words, for the account's people. */
  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason!: string | null;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;
}
