import type { MailData } from './mails.service';

/** Plain text, which every program shows and no spam filter minds. */
export interface Mail {
  readonly subject: string;
  readonly text: string;
}

export function resetMail(link: string): Mail {
  return {
    subject: 'Set a new password for Carv integrations',
    text: letter([
      'Somebody, most likely you, asked for a new password for Carv integrations. Set it here:',
      link,
      'The link is good for an hour, and once. If it was not you, do nothing: your password stays as it is.',
    ]),
  };
}

export function invitationMail(link: string): Mail {
  return {
    subject: 'You are invited to Carv integrations',
    text: letter([
      'You are invited to look after an integration with Carv. Choose a password here:',
      link,
      'The link is good for 7 days, and once. If you did not expect this, do nothing.',
    ]),
  };
}

/** @param publicUrl where the portal is */
export function noticeMail({ account_name: name = '', lines = [] }: MailData, publicUrl: string): Mail {
  return {
    // The subject is one line: a name may be anything.
    subject: `Your integration needs attention: ${name.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')}`,
    text: letter([
      `Deliveries from Carv to ${name} are in trouble.`,
      lines.map((line) => `- ${line}`).join('\n'),
      `What to do about it: ${publicUrl}/portal`,
      'You get at most one such mail an hour.',
    ]),
  };
}

function letter(paragraphs: readonly string[]): string {
  return `Hello,\n\n${paragraphs.join('\n\n')}\n\nCarv integrations\n`;
}
