import { IntersectionType, OmitType, PartialType, PickType } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { Id, Optional, OptionalChoice, OptionalObject, OptionalText, OptionalTexts, Text } from '../http/fields';
import { isObject } from '../http/json';

const MAX_SALARY_LENGTH = 500;

/** The published format leaves it open, so whatever an ATS has: a text, a number, or an object of its own. */
function OptionalSalary(): PropertyDecorator {
  const rule = ValidateBy({
    name: 'isSalary',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'number' ||
        isObject(value) ||
        (typeof value === 'string' && value.length <= MAX_SALARY_LENGTH),
      defaultMessage: () =>
        `$property must be an object, a number, or a text of at most ${MAX_SALARY_LENGTH} characters`,
    },
  });
  return Optional(
    {
      description: 'An object whose members are yours to choose, a number, or a text; delivered as it is',
      example: { min: 60000, max: 80000, currency: 'EUR', period: 'year' },
    },
    {
      oneOf: [
        { type: 'object', additionalProperties: true },
        { type: 'number' },
        { type: 'string', maxLength: MAX_SALARY_LENGTH },
      ],
    },
    rule,
  );
}

/** The whole vacancy, as `POST /v1/vacancies` and the event `vacancy.created` bring it. */
export class VacancyDto {
  @Id({ description: "The vacancy's id in the ATS, unique within the workspace", example: 'vacancy-42' })
  vacancy_id!: string;

  @Text(500, { description: 'The title of the position', example: 'Backend engineer' })
  title!: string;

  @OptionalText(200_000, {
    description: 'The text of the advertisement; its lines are kept',
    example: 'You build services that others rely on.',
  })
  description?: string | null;

  @OptionalText(500, { description: 'Where the work is done, in words', example: 'Utrecht, NL' })
  location?: string | null;

  @OptionalText(100, { description: 'Such as full time, contract or internship', example: 'full time' })
  employment_type?: string | null;

  @OptionalChoice(['open', 'closed'], { description: 'Whether applications are welcome', example: 'open' })
  status?: 'open' | 'closed' | null;

  @OptionalTexts({
    description: 'Skills asked for, by name; repetitions that differ only in case are dropped',
    example: ['TypeScript', 'PostgreSQL'],
  })
  skills?: string[] | null;

  @OptionalSalary()
  salary?: object | number | string | null;

  @OptionalObject({ description: 'Anything else, kept and delivered as it is', example: { department: 'Platform' } })
  custom_fields?: object | null;
}

/** A part of a vacancy as a JSON Merge Patch: null removes, except from a required field, where it is refused. */
export class VacancyPatch extends PartialType(VacancyDto, { skipNullProperties: false }) {}

/** Only the id, as `vacancy.deleted` brings it. */
export class VacancyId extends PickType(VacancyDto, ['vacancy_id']) {}

/** A patch that names its vacancy itself, as `vacancy.updated` brings it. */
export class VacancyUpdate extends IntersectionType(
  VacancyId,
  PartialType(OmitType(VacancyDto, ['vacancy_id']), { skipNullProperties: false }),
) {}
