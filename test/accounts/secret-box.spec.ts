import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptionKey, SecretBox } from '../../src/accounts/secret-box';
import { readEnv } from '../../src/config/read-env';

const key = Buffer.alloc(32, 7);

it('opens what it sealed, and seals the same secret differently each time', () => {
  const box = new SecretBox(key);
  const [one, two] = [box.seal('whsec_ä'), box.seal('whsec_ä')];
  expect(one.equals(two)).toBe(false);
  expect(one.includes('whsec_')).toBe(false);
  expect([new SecretBox(key).open(one), box.open(two)]).toEqual(['whsec_ä', 'whsec_ä']);
});

it('refuses a box that was altered in any byte, or sealed with another key, saying what to do', () => {
  const sealed = new SecretBox(key).seal('secret');
  for (let i = 0; i < sealed.length; i++) {
    const altered = Buffer.from(sealed);
    altered.writeUInt8(altered.readUInt8(i) ^ 1, i);
    expect(() => new SecretBox(key).open(altered)).toThrow('ENCRYPTION_KEY');
  }
  expect(() => new SecretBox(Buffer.alloc(32, 8)).open(sealed)).toThrow('ENCRYPTION_KEY');
});

it('reads the key of the settings as hex or base64, and otherwise makes one that stays', () => {
  expect(encryptionKey(readEnv({ ENCRYPTION_KEY: key.toString('hex') }))).toEqual(key);
  expect(encryptionKey(readEnv({ ENCRYPTION_KEY: key.toString('base64') }))).toEqual(key);
  const DATA_DIR = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  const made = encryptionKey(readEnv({ DATA_DIR }));
  expect(made).toHaveLength(32);
  expect(encryptionKey(readEnv({ DATA_DIR }))).toEqual(made);
  rmSync(DATA_DIR, { recursive: true });
});
