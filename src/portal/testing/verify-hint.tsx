import type { VNode } from 'preact';
import { CopyButton } from '../page/elements';

/** How to find out whose computation is wrong, by a third one. */
export function VerifyHint({ signature }: { signature: string }): VNode {
  const [time = '', ...digests] = signature.split(',');
  const expected = digests.map((digest) => `# ${digest.replace('v1=', '')}`).join('\n');
  const command = `{ printf '%s.' ${time.replace('t=', '')}; cat body.json; } | openssl dgst -sha256 -hmac "$OUTGOING_SECRET" -hex`;
  return (
    <div class="ruled">
      <div class="pre-head">
        <h3>If it could not verify the signature</h3>
        <CopyButton of="verify" label="command" />
      </div>
      <p class="hint">
        Save the body that your endpoint got, byte for byte, as <code>body.json</code>, and compute the signature with
        the outgoing secret that it uses. {digests.length > 1 ? 'One of these' : 'This'} must come out; if not, it holds
        another secret, or changed the body before it verified it.
      </p>
      <pre tabIndex={0} id="verify">{`${command}\n${expected}`}</pre>
    </div>
  );
}
