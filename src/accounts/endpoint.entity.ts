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

  @Column('integer', { name: 'failures_in_row', default: 0 })
  failuresInRow!: number;

  /** 0: the breaker is closed. */
  @Column('integer', { name: 'breaker_pause_ms', default: 0 })
  breakerPauseMs!: number;

  @Column('timestamptz', { name: 'breaker_opened_at', nullable: true })
  breakerOpenedAt!: Date | null;

  /** By the breaker; a time, or -Infinity. */
  @Column('timestamptz', { name: 'paused_until', default: () => `'-infinity'` })
  pausedUntil!: Date | number;

  /** As the endpoint itself asked. */
  @Column('timestamptz', { name: 'rest_until', default: () => `'-infinity'` })
  restUntil!: Date | number;

  @Column('timestamptz', { name: 'probe_until', default: () => `'-infinity'`, select: false })
  probeUntil!: Date | number;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;
}
