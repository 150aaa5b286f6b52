import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CandidateDto } from './candidate.dto';

/** A candidate's profile after normalisation: the fields of the DTO that are not null. */
export type Profile = CandidateDto;

/** A candidate as stored: identified by the ATS's own id inside one workspace. */
@Entity('candidate')
export class Candidate {
  @PrimaryColumn('text', { name: 'ats_id' })
  atsId!: string;

  @PrimaryColumn('text', { name: 'client_id' })
  clientId!: string;

  @PrimaryColumn('text', { name: 'candidate_id' })
  candidateId!: string;

  @Column('json')
  data!: Profile;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;
}
