import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/database';
import type { InboundEventType, Write } from '../events/inbound';
import type { OutboundEventType, Result, ResultError } from '../events/outbound';
import { failed, succeeded } from '../events/results';
import { mergePatch } from '../http/json';
import { Entities } from './entities.repository';
import { keyText, type EntityKey, type EntityName } from './entity';

/** What is particular to one kind of entity. */
export interface EntityRules<T extends object> {
  readonly name: EntityName;
  /** The whole entity as it is stored and delivered. */
  readonly normalise: (whole: T) => T;
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
  constructor(private readonly entities: Entities) {}

  /** As a `Handler`: one result for each write, in their order. */
  async apply<T extends object>(tx: Tx, writes: readonly Write[], rules: EntityRules<T>): Promise<Result[]> {
    const states = await this.load(tx, rules.name, writes);
    const results = writes.map((write) => {
      const key = keyText(write);
      const state = states.get(key) as State;
      // They are saved, and listed, in the order of their last change.
      states.delete(key);
      states.set(key, state);
      return applyOne(state, write, rules as unknown as EntityRules<object>);
    });
    const all = [...states.values()];
    const removed = all.filter((s) => s.removed);
    await this.entities.remove(tx, rules.name, removed);
    const changed = all.flatMap(({ data, ...state }) => (state.changed && data !== null ? [{ ...state, data }] : []));
    await this.entities.save(tx, rules.name, changed);
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

function applyOne(state: State, write: Write, rules: EntityRules<object>): Result {
  switch (write.event.split('.')[1] as Verb) {
    case 'created':
      return store(state, write, rules, state.data === null ? 'created' : 'updated', whole(write));
    case 'updated':
      if (state.data === null) return missing(write, rules.name);
      return store(state, write, rules, 'updated', mergePatch(state.data, write.payload) as object);
    case 'deleted':
      if (state.data === null) return missing(write, rules.name);
      Object.assign(state, { data: null, removed: true, changed: false });
      return succeeded(write, `${rules.name}.deleted`, { [`${rules.name}_id`]: write.entityId });
  }
}

function store(state: State, write: Write, rules: EntityRules<object>, verb: Verb, next: object): Result {
  const refusal = rules.refuse?.(write, write.payload as object) ?? fileRefusal(next);
  if (refusal !== undefined) return failed(write, refusal);
  const normalised = rules.normalise(next);
  Object.assign(state, { data: normalised, changed: true });
  const event: OutboundEventType = `${rules.name}.${verb}`;
  return succeeded(write, event, normalised);
}

function fileRefusal(entity: { cv?: unknown }): ResultError | undefined {
  if (entity.cv === undefined) return undefined;
  return { code: 'file_unavailable', message: 'cv names a file that was not uploaded, or has expired' };
}

/** It replaces the former one, so a null field is an absent one; nulls further down are the ATS's own. */
function whole(write: Write): object {
  return Object.fromEntries(Object.entries(write.payload as object).filter(([, value]) => value !== null));
}

function missing(write: Write, name: EntityName): Result {
  return failed(write, { code: 'not_found', message: `There is no ${name} ${write.entityId} in this workspace` });
}
