import type { Tone } from './elements';

/** What a page may say of the request before it, by code: the session keeps the code only, so it holds no secret. */
const FLASHES = {
  'name.saved': { tone: 'success', text: 'The name is saved.' },
  'url.saved': { tone: 'success', text: 'The webhook URL is saved, and your endpoint took the ping.' },
  'url.saved_failing': { tone: 'warning', text: 'The webhook URL is saved, but the ping failed; see below.' },
  'url.removed': { tone: 'warning', text: 'The webhook URL is removed. Results are kept until you set another one.' },
  'ping.good': { tone: 'success', text: 'Your endpoint took the ping.' },
  'endpoint.resumed': { tone: 'success', text: 'Deliveries are resumed; what waited is sent now.' },
  'flow.redelivered': {
    tone: 'success',
    text: 'The result is delivered again, behind what waits for the same entity.',
  },
  'password.changed': { tone: 'success', text: 'Your password is changed, and every other session has ended.' },
  'invitation.mailed': { tone: 'success', text: 'The invitation is on its way by mail.' },
  'invitation.revoked': { tone: 'success', text: 'The invitation no longer counts.' },
  'user.removed': { tone: 'success', text: 'The user is removed and signed out everywhere.' },
} as const satisfies Record<string, { tone: Tone; text: string }>;

export type Flash = keyof typeof FLASHES;

export function flashOf(code: string | null | undefined): { tone: Tone; text: string } | null {
  return code != null && Object.hasOwn(FLASHES, code) ? FLASHES[code as Flash] : null;
}
