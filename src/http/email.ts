import { isEmail, ValidateBy } from 'class-validator';

/** White space around it is forgiven: normalisation takes it off. */
export function IsEmailAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'isEmailAddress',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isEmail(value.trim()),
      defaultMessage: () => '$property must be an email',
    },
  });
}
