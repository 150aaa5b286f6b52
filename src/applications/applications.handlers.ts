import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/database';
import { Entities } from '../entities/entities.repository';
import { keyText, type EntityKey } from '../entities/entity';
import { EntityWrites } from '../entities/entity-writes.service';
import type { Write } from '../events/inbound';
import type { ResultError } from '../events/outbound';
import type { Handler } from '../inbox/handler';
import { ScoringTasks } from '../scoring/scoring-tasks.service';
import { scoreOf, type ApplicationDto, type ScoredApplication } from './application.dto';
import { normaliseApplication } from './normalise';

/** What an application names, and must find when it is processed. It may outlive both. */
const REFERENCES = ['candidate', 'vacancy'] as const;
type Reference = (typeof REFERENCES)[number];

@Injectable()
export class ApplicationHandlers {
  constructor(
    private readonly writes: EntityWrites,
    private readonly entities: Entities,
    private readonly scoring: ScoringTasks,
  ) {}

  /** Applies all three application events; the result of a new application awaits its score. */
  readonly apply: Handler = async (tx, writes) => {
    const known = {
      candidate: await this.existing(tx, 'candidate', writes),
      vacancy: await this.existing(tx, 'vacancy', writes),
    };
    const refuse = (write: Write): ResultError | undefined => {
      const name = REFERENCES.find((n) => named(write, n).some((key) => !known[n].has(keyText(key))));
      return name && unknown(name, write);
    };
    const results = await this.writes.apply<ScoredApplication>(tx, writes, {
      name: 'application',
      normalise: normaliseApplication,
      keep: scoreOf,
      refuse,
    });
    return this.scoring.reserve(tx, results);
  };

  private async existing(tx: Tx, name: Reference, writes: readonly Write[]): Promise<Set<string>> {
    const keys = new Map(writes.flatMap((w) => named(w, name)).map((key) => [keyText(key), key]));
    return new Set((await this.entities.existing(tx, name, [...keys.values()])).map(keyText));
  }
}

/** The candidate or vacancy that the write names: a patch may name none. */
function named({ atsId, clientId, payload }: Write, name: Reference): EntityKey[] {
  const entityId = (payload as Partial<ApplicationDto>)[`${name}_id`];
  return entityId === undefined ? [] : [{ atsId, clientId, entityId }];
}

function unknown(name: Reference, write: Write): ResultError {
  const id = (write.payload as ApplicationDto)[`${name}_id`];
  return { code: `unknown_${name}`, message: `There is no ${name} ${id} in this workspace` };
}
