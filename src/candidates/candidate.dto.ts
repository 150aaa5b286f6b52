import { IntersectionType, OmitType, PartialType, PickType } from '@nestjs/mapped-types';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsObject,
  IsOptional,
  IsString,
  isURL,
  Matches,
  MaxLength,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { IsEmailAddress } from '../http/email';
import { IsVisibleId } from '../http/visible-id';

const MAX_ITEMS = 1000;

function IsWebAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'isWebAddress',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isURL(value.trim(), { protocols: ['http', 'https'] }),
      defaultMessage: () => '$property must be a URL',
    },
  });
}

/** A file that was uploaded before. */
export class FileReference {
  @IsVisibleId()
  carv_file_id!: string;
}

/** The whole candidate, as `POST /v1/candidates` and the event `candidate.created` bring it. */
export class CandidateDto {
  @IsVisibleId()
  candidate_id!: string;

  @IsString()
  @MaxLength(500)
  @Matches(/\S/, { message: 'must not be empty' })
  first_name!: string;

  @IsString()
  @MaxLength(500)
  @Matches(/\S/, { message: 'must not be empty' })
  last_name!: string;

  @IsOptional()
  @IsEmailAddress()
  email?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  phone?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  headline?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(500)
  location?: string | null;

  @IsOptional()
  @IsWebAddress()
  linkedin_url?: string | null;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_ITEMS)
  @IsString({ each: true })
  @MaxLength(500, { each: true })
  skills?: string[] | null;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_ITEMS)
  @IsObject({ each: true })
  languages?: object[] | null;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_ITEMS)
  @IsObject({ each: true })
  experience?: object[] | null;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_ITEMS)
  @IsObject({ each: true })
  education?: object[] | null;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => FileReference)
  cv?: FileReference | null;

  @IsOptional()
  @IsObject()
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
