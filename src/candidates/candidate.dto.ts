import { IntersectionType, OmitType, PartialType, PickType } from '@nestjs/swagger';
import { isURL, ValidateBy } from 'class-validator';
import { OptionalCv, type FileReference } from '../entities/file-reference';
import {
  Id,
  Optional,
  OptionalEmail,
  OptionalObject,
  OptionalObjects,
  OptionalText,
  OptionalTexts,
  Text,
  type FieldDoc,
} from '../http/fields';

/** The usual form, of which the library accepts every one; asking it takes thirty times as long. */
const PLAIN_WEB_ADDRESS = /^https?:\/\/(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}(?:\/[\w./-]*)?$/i;
const PLAIN_LENGTH = 64;

function isWebAddress(text: string): boolean {
  const plain = text.length <= PLAIN_LENGTH && PLAIN_WEB_ADDRESS.test(text);
  return plain || isURL(text, { protocols: ['http', 'https'] });
}

function OptionalWebAddress(doc: FieldDoc): PropertyDecorator {
  const rule = ValidateBy({
    name: 'isWebAddress',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isWebAddress(value.trim()),
      defaultMessage: () => '$property must be a URL',
    },
  });
  return Optional(doc, { type: 'string' }, rule);
}

/** The whole candidate, as `POST /v1/candidates` and the event `candidate.created` bring it. */
export class CandidateDto {
  @Id({ description: "The candidate's id in the ATS, unique within the workspace", example: 'candidate-123' })
  candidate_id!: string;

  @Text(500, { description: 'Given name', example: 'Jane' })
  first_name!: string;

  @Text(500, { description: 'Family name', example: 'Smith' })
  last_name!: string;

  @OptionalEmail({ description: 'E-mail address', example: 'jane.smith@example.com' })
  email?: string | null;

  @OptionalText(100, {
    description: 'Telephone number; an international one is delivered in the form E.164',
    example: '+31201234567',
  })
  phone?: string | null;

  @OptionalText(2000, { description: 'One line on who this is', example: 'Senior backend engineer' })
  headline?: string | null;

  @OptionalText(500, { description: 'Where the candidate lives, in words', example: 'Amsterdam, NL' })
  location?: string | null;

  @OptionalWebAddress({ description: 'The LinkedIn profile', example: 'https://www.linkedin.com/in/jane-smith' })
  linkedin_url?: string | null;

  @OptionalTexts({
    description: 'Skills by name; repetitions that differ only in case are dropped',
    example: ['TypeScript', 'PostgreSQL'],
  })
  skills?: string[] | null;

  @OptionalObjects({
    description: 'Languages; the members are yours to choose',
    example: [{ language: 'Dutch', level: 'native' }],
  })
  languages?: object[] | null;

  @OptionalObjects({
    description: 'Positions held; the members are yours to choose',
    example: [{ title: 'Backend engineer', company: 'Acme', from: '2021-03', to: null }],
  })
  experience?: object[] | null;

  @OptionalObjects({
    description: 'Schools and degrees; the members are yours to choose',
    example: [{ school: 'University of Amsterdam', degree: 'MSc Computer Science' }],
  })
  education?: object[] | null;

  @OptionalCv()
  cv?: FileReference | null;

  @OptionalObject({ description: 'Anything else, kept and delivered as it is', example: { source: 'referral' } })
  custom_fields?: object | null;
}

/** A candidate as stored and delivered: normalised, and without the fields that were null. */
export type Profile = CandidateDto;

/** A part of a candidate as a JSON Merge Patch: null removes, except from a required field, where it is refused. */
export class CandidatePatch extends PartialType(CandidateDto, { skipNullProperties: false }) {}

/** Only the id, as `candidate.deleted` brings it. */
export class CandidateId extends PickType(CandidateDto, ['candidate_id']) {}

/** A patch that names its candidate itself, as `candidate.updated` brings it. */
export class CandidateUpdate extends IntersectionType(
  CandidateId,
  PartialType(OmitType(CandidateDto, ['candidate_id']), { skipNullProperties: false }),
) {}
