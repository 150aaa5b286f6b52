import { Injectable } from '@nestjs/common';
import type { InboundEventType, Write } from '../events/inbound';
import type { OutboundEventType, Result } from '../events/outbound';
import { failed, succeeded } from '../events/results';
import { mergePatch } from '../http/json';
import type { Handler } from '../inbox/handler';
import type { Profile } from './candidate.dto';
import { CandidatesRepository, type CandidateKey } from './candidates.repository';
import { normaliseCandidate } from './normalise';

interface State extends CandidateKey {
  profile: Profile | null;
  /** Deleted within this batch: what is created afterwards is a new candidate. */
  removed: boolean;
  changed: boolean;
}

/** Applies all three candidate events: reads every candidate of the batch once, and writes each once. */
@Injectable()
export class CandidateHandlers {
  constructor(private readonly candidates: CandidatesRepository) {}

  readonly apply: Handler = async (tx, writes) => {
    const states = new Map<string, State>();
    for (const w of writes) {
      states.set(keyOf(w), {
        atsId: w.atsId,
        clientId: w.clientId,
        entityId: w.entityId,
        profile: null,
        removed: false,
        changed: false,
      });
    }
    for (const stored of await this.candidates.load(tx, [...states.values()])) {
      Object.assign(states.get(keyOf(stored)) ?? {}, { profile: stored.profile });
    }
    const results = writes.map((write) => {
      const key = keyOf(write);
      const state = states.get(key) as State;
      // They are saved, and listed, in the order of their last change.
      states.delete(key);
      states.set(key, state);
      return APPLY[write.event as CandidateEvent](state, write);
    });
    const all = [...states.values()];
    await this.candidates.remove(
      tx,
      all.filter((s) => s.removed),
    );
    await this.candidates.save(
      tx,
      all.flatMap(({ profile, changed, ...key }) => (changed && profile !== null ? [{ ...key, profile }] : [])),
    );
    return results;
  };
}

type CandidateEvent = Extract<InboundEventType, `candidate.${string}`>;

/** How each event changes the state of its candidate, and what comes of it. */
const APPLY = {
  'candidate.created': (state, write) =>
    store(state, write, state.profile === null ? 'candidate.created' : 'candidate.updated', whole(write)),
  'candidate.updated': (state, write) => {
    if (state.profile === null) return missing(write);
    return store(state, write, 'candidate.updated', mergePatch(state.profile, write.payload) as Profile);
  },
  'candidate.deleted': (state, write) => {
    if (state.profile === null) return missing(write);
    Object.assign(state, { profile: null, removed: true, changed: false });
    return succeeded(write, 'candidate.deleted', { candidate_id: write.entityId });
  },
} satisfies Record<CandidateEvent, (state: State, write: Write) => Result>;

function store(state: State, write: Write, event: OutboundEventType, profile: Profile): Result {
  if (profile.cv !== undefined) {
    return failed(write, {
      code: 'file_unavailable',
      message: 'cv names a file that was not uploaded, or has expired',
    });
  }
  const normalised = normaliseCandidate(profile);
  Object.assign(state, { profile: normalised, changed: true });
  return succeeded(write, event, normalised);
}

/** It replaces the former one, so a null field is an absent one; nulls further down are the ATS's own. */
function whole(write: Write): Profile {
  const fields = Object.entries(write.payload as Profile).filter(([, value]) => value !== null);
  return Object.fromEntries(fields) as unknown as Profile;
}

function missing(write: Write): Result {
  return failed(write, { code: 'not_found', message: `There is no candidate ${write.entityId} in this workspace` });
}

function keyOf(key: CandidateKey): string {
  return JSON.stringify([key.atsId, key.clientId, key.entityId]);
}
