import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/database';
import { fileNamedBy, type InboundEventType, type Write } from '../events/inbound';
import type { OutboundEventType, Result, ResultError } from '../events/outbound';
import { failed, succeeded } from '../events/results';
import { mergePatch } from '../http/json';
import type { FileClaims } from '../uploads/file-claims';
import { NamedFiles } from '../uploads/named-files.service';
import { Entities } from './entities.repository';
import { keyText, type EntityKey, type EntityName } from './entity';

/** What is particular to one kind of entity. */
export interface EntityRules<T extends object> {
  readonly name: EntityName;
  /** The whole entity as it is stored and delivered. */
  readonly normalise: (whole: T) => T;
  /** What of the former entity outlives its replacement by a whole new one. */
  readonly keep?: (former: T) => Partial<T>;
  /** Why this write, which names these fields, may not be stored; undefined when it may. */
  readonly refuse?: (write: Write, named: Partial<T>) => ResultError | undefined;
}

interface State extends EntityKey {
  data: object | null;
  /** Deleted within this batch: what is created afterwards is a new entity. */
  removed: boolean;
  changed: boolean;
}

/** Applies created, updated and deleted for all entities: reads every entity of a batch once, and writes each once. */
@Injectable()
export class EntityWrites {
  constructor(
    private readonly entities: Entities,
    private readonly files: NamedFiles,
  ) {}

  /** As a `Handler`: one result for each write, in their order. */
  async apply<T extends object>(tx: Tx, writes: readonly Write[], rules: EntityRules<T>): Promise<Result[]> {
    const states = await this.load(tx, rules.name, writes);
    const files = await this.files.load(tx, writes);
    const results = writes.map((write) => {
      const key = keyText(write);
      const state = states.get(key) as State;
      // They are saved, and listed, in the order of their last change.
      states.delete(key);
      states.set(key, state);
      const result = applyOne(state, write, { files, rules: rules as unknown as EntityRules<object> });
      if (result.error !== null) files.release(write);
      return result;
    });
    const all = [...states.values()];
    const removed = all.filter((s) => s.removed);
    await this.entities.remove(tx, rules.name, removed);
    const changed = all.flatMap(({ data, ...state }) => (state.changed && data !== null ? [{ ...state, data }] : []));
    await this.entities.save(tx, rules.name, changed);
    await this.files.settle(tx, files);
    return results;
  }

  private async load(tx: Tx, name: EntityName, writes: readonly Write[]): Promise<Map<string, State>> {
    const states = new Map<string, State>();
    for (const write of writes) {
      const { atsId, clientId, entityId } = write;
      states.set(keyText(write), { atsId, clientId, entityId, data: null, removed: false, changed: false });
    }
    for (const stored of await this.entities.load(tx, name, [...states.values()])) {
      Object.assign(states.get(keyText(stored)) ?? {}, { data: stored.data });
    }
    return states;
  }
}

type EntityEvent = Extract<InboundEventType, `${EntityName}.${string}`>;
type Verb = EntityEvent extends `${EntityName}.${infer V}` ? V : never;

interface Batch {
  readonly rules: EntityRules<object>;
  readonly files: FileClaims;
}

function applyOne(state: State, write: Write, batch: Batch): Result {
  const { name } = batch.rules;
  switch (write.event.split('.')[1] as Verb) {
    case 'created':
      if (state.data === null) return store(state, write, batch, 'created', whole(write));
      return store(state, write, batch, 'updated', { ...whole(write), ...batch.rules.keep?.(state.data) });
    case 'updated':
      if (state.data === null) return missing(write, name);
      return store(state, write, batch, 'updated', mergePatch(state.data, write.payload) as object);
    case 'deleted':
      if (state.data === null) return missing(write, name);
      exchangeFile(state, write, batch.files, {});
      Object.assign(state, { data: null, removed: true, changed: false });
      return succeeded(write, `${name}.deleted`, { [`${name}_id`]: write.entityId });
  }
}

function store(state: State, write: Write, { rules, files }: Batch, verb: Verb, next: { cv?: unknown }): Result {
  const refusal = rules.refuse?.(write, write.payload as object) ?? exchangeFile(state, write, files, next);
  if (refusal !== undefined) return failed(write, refusal);
  const normalised = rules.normalise(next);
  Object.assign(state, { data: normalised, changed: true });
  const event: OutboundEventType = `${rules.name}.${verb}`;
  return succeeded(write, event, normalised);
}

/** Binds the file that the entity is to have and lets go the one that it had; refuses a file that it may not have. */
function exchangeFile(
  { data }: State,
  write: Write,
  files: FileClaims,
  next: { cv?: unknown },
): ResultError | undefined {
  const [had, wanted] = [fileNamedBy(data), fileNamedBy(next)];
  const held = wanted !== null && (wanted === had || files.bind(write, wanted));
  if (next.cv !== undefined && !held) {
    return { code: 'file_unavailable', message: "cv names a file that was not uploaded, has expired, or is another's" };
  }
  if (had !== null && had !== wanted) files.letGo(had, write.atsId);
  return undefined;
}

/** It replaces the former one, so a null field is an absent one; nulls further down are the ATS's own. */
function whole(write: Write): object {
  return Object.fromEntries(Object.entries(write.payload as object).filter(([, value]) => value !== null));
}

function missing(write: Write, name: EntityName): Result {
  return failed(write, { code: 'not_found', message: `There is no ${name} ${write.entityId} in this workspace` });
}
