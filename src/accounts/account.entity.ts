import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** An ATS vendor. Its key is kept as a SHA-256 only. */
@Entity('account')
export class Account {
  @PrimaryColumn('text', { name: 'ats_id' })
  atsId!: string;

  @Column('text')
  name!: string;

  @Column('boolean', { default: true })
  enabled!: boolean;

  @Column('bytea', { name: 'api_key_hash' })
  apiKeyHash!: Buffer;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;
}
