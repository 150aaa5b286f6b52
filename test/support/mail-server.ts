import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface ReceivedMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface MailServer {
  readonly url: string;
  readonly mails: ReceivedMail[];
  /** While true every mail is refused for the moment. */
  busy: boolean;
  /** Called when a mail has come, before that is said. */
  onMail: (() => void) | undefined;
  close(): Promise<void>;
}

/** A real SMTP server, as far as it takes to receive a mail. */
export async function startMailServer(): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.setEncoding('utf8'));
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    serve(socket, mailServer);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const mailServer: MailServer = {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    busy: false,
    onMail: undefined,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return mailServer;
}

function serve(socket: Socket, server: MailServer): void {
  let [buffer, to, data] = ['', '', null as string | null];
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  say('220 test');
  socket.on('data', (chunk: string) => {
    buffer += chunk;
    for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (data !== null) {
        if (line !== '.') data += `${line.replace(/^\./, '')}\n`;
        else {
          server.mails.push(readMail(to, data));
          server.onMail?.();
          data = null;
          say('250 ok');
        }
      } else if (/^DATA/i.test(line)) {
        data = '';
        say('354 go on');
      } else if (/^RCPT/i.test(line)) {
        to = /<([^>]*)>/.exec(line)?.[1] ?? '';
        say(server.busy ? '451 not now' : '250 ok');
      } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
      else say('250 ok');
    }
  });
}

function readMail(to: string, data: string): ReceivedMail {
  const [head = '', ...body] = data.split('\n\n');
  const unfolded = head.replace(/\n[ \t]/g, ' ');
  const quoted = /quoted-printable/i.test(unfolded);
  const text = quoted ? decode(body.join('\n\n').replace(/=\n/g, '')) : body.join('\n\n');
  return { to, subject: /^Subject: (.*)$/im.exec(unfolded)?.[1] ?? '', text };
}

function decode(text: string): string {
  return Buffer.from(
    text.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  ).toString();
}
