import { AddressPolicy } from '../../src/egress/address-policy';
import { checkTarget, parseTarget, UNREACHABLE } from '../../src/egress/url-policy';

const PUBLIC = '93.184.216.34';
const production = { development: false };
const development = { development: true };
const closed = new AddressPolicy([]);
const loopback = new AddressPolicy(['127.0.0.0/8', '::1/128']);

function parsed(text: string, mode = production): URL {
  const target = parseTarget(text, mode);
  if ('refusal' in target) throw new Error(`${text}: ${target.refusal}`);
  return target;
}

const noNames = (host: string): Promise<string[]> => Promise.reject(new Error(`asked for ${host}`));

describe('parseTarget', () => {
  it.each([
    ['https://example.com/hooks?a=b', 'https://example.com/hooks?a=b'],
    ['  https://example.com/  ', 'https://example.com/'],
    ['HTTPS://EXAMPLE.com', 'https://example.com/'],
    ['https://example.com./hooks', 'https://example.com/hooks'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://example.com:1024/', 'https://example.com:1024/'],
    ['https://example.com:8443/', 'https://example.com:8443/'],
    ['https://example.com:65535/', 'https://example.com:65535/'],
    ['https://example.com/#section', 'https://example.com/'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://intranet/', 'https://intranet/'],
    [`https://example.com/${'a'.repeat(2028)}`, `https://example.com/${'a'.repeat(2028)}`],
  ])('takes %s', (text, href) => expect(parsed(text).href).toBe(href));

  const refused: [text: string, about: RegExp][] = [
    ['', /valid/],
    ['example.com', /valid/],
    ['/hooks', /valid/],
    ['https://', /valid/],
    ['https://./', /valid/],
    ['https://example.com../', /valid/],
    ['https://a..example/', /valid/],
    ['https://exa mple.com/', /valid/],
    ['https://exam\nple.com/', /valid/],
    ['https://256.256.256.256/', /valid/],
    ['https://[fe80::1%25eth0]/', /valid/],
    ['https://[::1/', /valid/],
    ['https://example.com:65536/', /valid/],
    ['http://example.com/', /https/],
    ['http://2130706433/', /https/],
    ['ftp://example.com/', /https/],
    ['file:///etc/passwd', /https/],
    ['gopher://example.com/', /https/],
    ['javascript:alert(1)', /https/],
    ['unix:/run/docker.sock', /https/],
    ['https://user:pass@example.com/', /user name/],
    ['https://user@example.com/', /user name/],
    ['https://:pass@example.com/', /user name/],
    ['https://example.com:0/', /port/],
    ['https://example.com:22/', /port/],
    ['https://example.com:25/', /port/],
    ['https://example.com:80/', /port/],
    ['https://example.com:444/', /port/],
    ['https://example.com:1023/', /port/],
    [`https://example.com/${'a'.repeat(2029)}`, /2048/],
    [`https://example.com/${'é'.repeat(500)}`, /2048/],
  ];
  it.each(refused)('refuses %j', (text, about) => {
    expect(parseTarget(text, production)).toEqual({ refusal: expect.stringMatching(about) as string });
  });

  it.each([
    'http://example.com/',
    'http://localhost:3000/dev/receiver',
    'http://127.0.0.1:1/',
    'https://example.com:22/',
    'http://[::1]:8080/',
  ])('in development also takes %s', (text) => expect(parsed(text, development).href).toBe(text));

  it.each(['ftp://example.com/', 'https://user@example.com/', 'https://example.com:0/'])(
    'in development still refuses %s',
    (text) => expect(parseTarget(text, development)).toHaveProperty('refusal'),
  );
});

describe('checkTarget', () => {
  it.each([
    ['https://2130706433/', '127.0.0.1'],
    ['https://0177.0.0.1/', '127.0.0.1'],
    ['https://0x7f.1/', '127.0.0.1'],
    ['https://0x7f000001./', '127.0.0.1'],
    ['https://127.1/', '127.0.0.1'],
    ['https://①②⑦.⓪.⓪.①/', '127.0.0.1'],
    ['https://127。0。0。1/', '127.0.0.1'],
    ['https://%31%32%37.0.0.1/', '127.0.0.1'],
    ['https://0/', '0.0.0.0'],
    ['https:\\\\169.254.169.254/', '169.254.169.254'],
    ['https://2852039166/', '169.254.169.254'],
    ['https://10.0.0.1/', '10.0.0.1'],
    ['https://[::1]/', '[::1]'],
    ['https://[::]/', '[::]'],
    ['https://[::ffff:127.0.0.1]/', '[::ffff:7f00:1]'],
    ['https://[::127.0.0.1]/', '[::7f00:1]'],
    ['https://[64:ff9b::7f00:1]/', '[64:ff9b::7f00:1]'],
    ['https://[64:ff9b::127.0.0.1]/', '[64:ff9b::7f00:1]'],
    ['https://[2002:7f00:1::]/', '[2002:7f00:1::]'],
    ['https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/', '[2001:0:4136:e378:8000:63bf:3fff:fdd2]'],
    ['https://[fd00:ec2::254]/', '[fd00:ec2::254]'],
    ['https://[fe80::1]:8443/', '[fe80::1]'],
  ])('refuses %s, which is %s, without asking DNS', async (text, hostname) => {
    const url = parsed(text);
    expect(url.hostname).toBe(hostname);
    expect(await checkTarget(url, { policy: closed, resolve: noNames })).toEqual({
      verdict: 'refused',
      refusal: UNREACHABLE,
    });
  });

  it.each(['https://8.8.8.8/', 'https://[2606:4700:4700::1111]/', 'https://[::ffff:8.8.8.8]/'])(
    'allows the public address %s',
    async (text) => {
      expect(await checkTarget(parsed(text), { policy: closed, resolve: noNames })).toEqual({ verdict: 'allowed' });
    },
  );

  it.each([
    ['a public address', [PUBLIC], 'allowed'],
    ['public addresses of both families', [PUBLIC, '2606:4700::1'], 'allowed'],
    ['a private address', ['10.0.0.1'], 'refused'],
    ['a private address after a public one', [PUBLIC, '10.0.0.1'], 'refused'],
    ['a private address before public ones', ['::1', PUBLIC, '1.1.1.1'], 'refused'],
    ['a metadata address', ['169.254.169.254'], 'refused'],
    ['something that is no address', ['oops'], 'refused'],
    ['no address', [], 'unresolved'],
  ])('judges a name with %s as %s', async (_name, addresses, verdict) => {
    const check = await checkTarget(parsed('https://hooks.example/'), {
      policy: closed,
      resolve: () => Promise.resolve(addresses),
    });
    expect(check.verdict).toBe(verdict);
    for (const address of addresses) expect(JSON.stringify(check)).not.toContain(address);
  });

  it.each(['localhost', 'a.localhost', 'printer.local', 'db.internal', 'intranet', 'metadata.google.internal'])(
    'judges %s by its address like any name',
    async (host) => {
      const check = (address: string) =>
        checkTarget(parsed(`https://${host}/`), { policy: closed, resolve: () => Promise.resolve([address]) });
      expect([(await check(PUBLIC)).verdict, (await check('127.0.0.1')).verdict]).toEqual(['allowed', 'refused']);
    },
  );

  it('asks for the name without the dot at its end', async () => {
    const asked: string[] = [];
    await checkTarget(parsed('https://example.com./'), {
      policy: closed,
      resolve: (host) => {
        asked.push(host);
        return Promise.resolve([PUBLIC]);
      },
    });
    expect(asked).toEqual(['example.com']);
  });

  it('warns when the name does not resolve', async () => {
    const check = await checkTarget(parsed('https://new.example/'), { policy: closed, resolve: noNames });
    expect(check).toEqual({ verdict: 'unresolved', warning: expect.stringContaining('does not resolve') as string });
  });

  it('warns when the name takes too long to resolve', async () => {
    const check = await checkTarget(parsed('https://slow.example/'), {
      policy: closed,
      resolve: () => new Promise(() => undefined),
      resolveTimeoutMs: 20,
    });
    expect(check.verdict).toBe('unresolved');
  });

  it.each([
    ['http://127.0.0.1:3000/', 'allowed'],
    ['http://[::1]:3000/', 'allowed'],
    ['http://localhost:3000/', 'allowed'],
    ['http://10.0.0.1:3000/', 'refused'],
    ['http://169.254.169.254/', 'refused'],
    ['http://0.0.0.0:3000/', 'refused'],
  ])('in development %s is %s, by the ranges given alone', async (text, verdict) => {
    const resolve = () => Promise.resolve(['127.0.0.1', '::1']);
    const url = parsed(text, development);
    expect((await checkTarget(url, { policy: loopback, resolve })).verdict).toBe(verdict);
    expect((await checkTarget(url, { policy: closed, resolve })).verdict).toBe('refused');
  });
});
