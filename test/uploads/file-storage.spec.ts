import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { uuidv7 } from 'uuidv7';
import { readEnv } from '../../src/config/read-env';
import type { FileStorage } from '../../src/uploads/file-storage';
import { LocalStorage } from '../../src/uploads/local-storage';
import { S3Storage } from '../../src/uploads/s3-storage';
import { startS3, type S3Server } from '../support/s3';

let directory: string;
let s3: S3Server;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gateway-storage-'));
  s3 = await startS3();
});

afterAll(async () => {
  await s3.close();
  await rm(directory, { recursive: true });
});

const local = (): FileStorage => new LocalStorage(join(directory, 'data', 'uploads'));
const bucket = (settings: Record<string, string> = {}): FileStorage =>
  new S3Storage(readEnv({ NODE_ENV: 'test', ...s3.settings, ...settings }).s3!);

async function draft(bytes: Buffer): Promise<{ path: string; size: number; contentType: string }> {
  const path = join(directory, uuidv7());
  await writeFile(path, bytes);
  return { path, size: bytes.length, contentType: 'application/pdf' };
}

async function stored(storage: FileStorage, id: string): Promise<Buffer | null> {
  const content = await storage.get(id);
  return content === null ? null : buffer(content);
}

describe.each([
  ['this machine', local],
  ['an S3-compatible bucket', () => bucket()],
])('a file on %s', (_, open) => {
  test('comes back to the byte, from another process too', async () => {
    const id = uuidv7();
    const bytes = randomBytes(10 * 1024 * 1024);
    await open().put(id, await draft(bytes));
    expect((await stored(open(), id))?.equals(bytes)).toBe(true);
  });

  test('is not there before it was put, nor after it was removed, and may be removed twice', async () => {
    const [id, neighbour, storage] = [uuidv7(), uuidv7(), open()];
    expect(await stored(storage, id)).toBeNull();
    await storage.put(neighbour, await draft(Buffer.from('other')));
    await storage.put(id, await draft(Buffer.from('mine')));
    await storage.remove(id);
    await storage.remove(id);
    expect(await stored(storage, id)).toBeNull();
    expect(await stored(storage, neighbour)).toEqual(Buffer.from('other'));
  });

  test.each(['../../etc/passwd', '', 'a', '..', `${uuidv7()}/../x`, uuidv7().toUpperCase()])(
    'has a UUID for its name: %j is refused',
    async (id) => {
      const file = await draft(Buffer.from('x'));
      await expect(open().put(id, file)).rejects.toThrow('UUID');
      await expect(open().get(id)).rejects.toThrow('UUID');
      await expect(open().remove(id)).rejects.toThrow('UUID');
    },
  );
});

test('on this machine nobody else reads it, and putting it leaves nothing behind', async () => {
  const [id, file] = [uuidv7(), await draft(Buffer.from('x'))];
  await local().put(id, file);
  const path = join(directory, 'data', 'uploads', id);
  expect((await readFile(path)).toString()).toBe('x');
  expect((await stat(join(path, '..'))).mode & 0o077).toBe(0);
  expect(await readdir(directory)).not.toContain(file.path);
});

test.each([
  ['does not answer', { S3_ENDPOINT: 'http://127.0.0.1:1' }],
  ['does not know the key', { S3_ACCESS_KEY_ID: 'stranger' }],
  ['has no such bucket', { S3_BUCKET: 'nowhere' }],
])('a store that %s is a fault, not a missing file', async (_, settings) => {
  const storage = bucket(settings);
  await expect(storage.put(uuidv7(), await draft(Buffer.from('x')))).rejects.toThrow();
  await expect(storage.get(uuidv7())).rejects.toThrow();
});
