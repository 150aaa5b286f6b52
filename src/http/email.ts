import { isEmail, ValidateBy } from 'class-validator';

/** The usual form, of which the library accepts every one; asking it takes ten times as long. */
const PLAIN = /^[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}$/i;
const PLAIN_LENGTH = 64;

/** White space around it is forgiven: normalisation takes it off. */
export function IsEmailAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'isEmailAddress',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isAddress(value.trim()),
      defaultMessage: () => '$property must be an email',
    },
  });
}

function isAddress(text: string): boolean {
  return (text.length <= PLAIN_LENGTH && PLAIN.test(text)) || isEmail(text);
}
