import type { Write } from '../../src/events/inbound';
import { eventId, toEnvelope } from '../../src/events/outbound';
import { failed, succeeded } from '../../src/events/results';

const write: Write = {
  referenceId: '019db49a-860b-74cb-8199-635ca3ad7f59',
  atsId: 'acme',
  clientId: 'client-1',
  userId: 'user-1',
  event: 'candidate.created',
  entityId: 'c-1',
  payload: {},
};
const AT = Date.UTC(2026, 1, 25, 10, 30, 0, 999);

it('writes the envelope of the contract, its fields in the documented order', () => {
  const data = { candidate_id: 'c-1', first_name: 'Jane' };
  expect(toEnvelope(succeeded(write, 'candidate.updated', data), AT)).toBe(
    '{"event":"candidate.updated","event_id":"evt_019db49a860b74cb8199635ca3ad7f59",' +
      '"reference_id":"019db49a-860b-74cb-8199-635ca3ad7f59","client_id":"client-1",' +
      '"timestamp":"2026-02-25T10:30:00Z","status":"success","error":null,' +
      '"data":{"candidate_id":"c-1","first_name":"Jane"}}',
  );
});

it('answers a failed write with the event that it asked for, and the ids only', () => {
  const error = { code: 'not_found', message: 'no' } as const;
  const envelope = JSON.parse(toEnvelope(failed(write, error), AT)) as object;
  expect(envelope).toMatchObject({ event: 'candidate.created', status: 'error', error, data: { candidate_id: 'c-1' } });
  const provisioning = { ...write, event: 'workspace.created', entityId: 'client-1' } as const;
  expect(failed(provisioning, error)).toMatchObject({
    event: 'workspace.provisioned',
    data: { client_id: 'client-1' },
  });
});

it('names each flow’s one event after the flow', () => {
  expect(eventId(write.referenceId)).toBe('evt_019db49a860b74cb8199635ca3ad7f59');
});

it('orders the results of one entity, and of no two', () => {
  const key = (patch: Partial<Write>) => failed({ ...write, ...patch }, { code: 'not_found', message: '' }).entityKey;
  expect(key({ event: 'candidate.deleted' })).toBe(key({}));
  expect(new Set([key({}), key({ entityId: 'c-2' }), key({ clientId: 'client-2' })]).size).toBe(3);
});
