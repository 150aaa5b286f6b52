import { EventFaults } from '../../src/event-types/event-faults.service';
import { EventTypes } from '../../src/event-types/event-types.service';

const types = new EventTypes();
const faults = new EventFaults();
const EVENTS = types.all().map((type) => [type.event, type] as const);

const sample = (event: string, kind: 'success' | 'error' = 'success') =>
  structuredClone(types.find(event)!.samples[kind]) as Record<string, unknown>;
const told = (event: string, body: unknown) =>
  faults.find(types.find(event)!, body).map(({ field, message }) => `${field} ${message}`);

test.each(EVENTS)('%s: both of its samples are valid', (_, type) => {
  expect(EVENTS).toHaveLength(14);
  expect(faults.find(type, type.samples.success)).toEqual([]);
  expect(faults.find(type, type.samples.error)).toEqual([]);
});

test.each<[string, string, (body: Record<string, unknown>) => object, string[]]>([
  [
    'a text that is a number',
    'candidate.created',
    (b) => ({ ...b, data: { ...data(b), first_name: 7 } }),
    ['data.first_name must be text'],
  ],
  [
    'a member of a list',
    'candidate.created',
    (b) => ({ ...b, data: { ...data(b), skills: ['Go', 7] } }),
    ['data.skills.1 must be text'],
  ],
  [
    'what is missing',
    'candidate.created',
    (b) => ({ ...b, data: {} }),
    ['data.candidate_id is missing', 'data.first_name is missing', 'data.last_name is missing'],
  ],
  [
    'another event',
    'candidate.created',
    (b) => ({ ...b, event: 'candidate.deleted' }),
    ['event must be "candidate.created"'],
  ],
  [
    'a status that is none',
    'candidate.created',
    (b) => ({ ...b, status: 'failed' }),
    ['status must be one of "success", "error"'],
  ],
  [
    'an error beside a success',
    'vacancy.updated',
    (b) => ({ ...b, error: { code: 'not_found', message: '' } }),
    ['error must be null'],
  ],
  ['no error beside an error', 'vacancy.updated', (b) => ({ ...b, status: 'error' }), ['error must be an object']],
  [
    'a value that fits none of several forms',
    'vacancy.updated',
    (b) => ({ ...b, data: { ...data(b), salary: true } }),
    ['data.salary must be an object or a number or text'],
  ],
  [
    'one of a few words',
    'vacancy.updated',
    (b) => ({ ...b, data: { ...data(b), status: 'shut' } }),
    ['data.status must be one of "open", "closed"'],
  ],
  [
    'a number beyond its bound',
    'application.created',
    (b) => ({ ...b, data: { ...data(b), score: 101 } }),
    ['data.score must be at most 100'],
  ],
  [
    'a time that is none',
    'meeting.notes_ready',
    (b) => ({ ...b, timestamp: 'now' }),
    ['timestamp must be a date and time such as 2026-02-25T10:30:00Z'],
  ],
  [
    'an id that cannot be one',
    'candidate.deleted',
    (b) => ({ ...b, data: { candidate_id: ' ' } }),
    ['data.candidate_id must be 1–200 visible characters'],
  ],
])('says in plain words: %s', (_, event, change, expected) => {
  expect(told(event, change(sample(event)))).toEqual(expected);
});

test('what is no object at all is told so, and an error is held against the error’s own form', () => {
  expect(told('candidate.created', [])).toEqual(['body must be an object']);
  expect(told('candidate.created', { ...sample('candidate.created', 'error'), data: {} })).toEqual([
    'data.candidate_id is missing',
  ]);
});

test('of a hundred thousand faults it tells a hundred', () => {
  const body = sample('candidate.created');
  const skills = Array.from({ length: 100_000 }, () => 1);
  expect(told('candidate.created', { ...body, data: { ...data(body), skills } })).toHaveLength(100);
});

test('of a large body it can be asked for the first fault alone, which takes no longer than to find it', () => {
  const type = types.find('meeting.transcript_ready')!;
  const body = sample('meeting.transcript_ready');
  const participants = Array.from({ length: 100_000 }, () => ({}));
  const faulty = { ...body, data: { ...data(body), participants } };
  expect(faults.find(type, faulty, 'first')).toEqual([{ field: 'data.participants.0.name', message: 'is missing' }]);
  expect(faults.find(type, type.samples.success, 'first')).toEqual([]);
});

test('members that nobody described may be added', () => {
  expect(told('candidate.created', { ...sample('candidate.created'), added_later: 1 })).toEqual([]);
});

function data(body: Record<string, unknown>): object {
  return body.data as object;
}
