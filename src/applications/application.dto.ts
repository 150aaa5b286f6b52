import { IntersectionType, OmitType, PartialType, PickType } from '@nestjs/swagger';
import { OptionalCv, type FileReference } from '../entities/file-reference';
import { Id, OptionalObject, OptionalText, OptionalTime } from '../http/fields';

/** The whole application, as `POST /v1/applications` and the event `application.created` bring it. */
export class ApplicationDto {
  @Id({ description: "The application's id in the ATS, unique within the workspace", example: 'application-7' })
  application_id!: string;

  @Id({ description: 'Who applies: a candidate of the same workspace', example: 'candidate-123' })
  candidate_id!: string;

  @Id({ description: 'For what: a vacancy of the same workspace', example: 'vacancy-42' })
  vacancy_id!: string;

  @OptionalText(500, { description: 'Where in your process the application stands', example: 'interview' })
  stage?: string | null;

  @OptionalText(500, { description: 'How the application came in', example: 'career site' })
  source?: string | null;

  @OptionalTime({ description: 'When the candidate applied, in ISO 8601', example: '2026-02-25T10:30:00Z' })
  applied_at?: string | null;

  @OptionalCv()
  cv?: FileReference | null;

  @OptionalObject({ description: 'Anything else, kept and delivered as it is', example: { referrer: 'Ann Lee' } })
  custom_fields?: object | null;
}

/** An application as it is stored and delivered: with its score once that is known. */
export class ScoredApplication extends ApplicationDto {
  /** From 0 to 100; null where there is none, with the reason. */
  score?: number | null;
  score_reasons?: string[];
  scored_by?: string;
}

/** What is ours of an application, and so outlives its replacement by the ATS. */
export function scoreOf({ score, score_reasons, scored_by }: ScoredApplication): Partial<ScoredApplication> {
  return score === undefined ? {} : { score, score_reasons, scored_by };
}

/** A part of an application as a JSON Merge Patch: null removes, except from a required field, where it is refused. */
export class ApplicationPatch extends PartialType(ApplicationDto, { skipNullProperties: false }) {}

/** Only the id, as `application.deleted` brings it. */
export class ApplicationId extends PickType(ApplicationDto, ['application_id']) {}

/** A patch that names its application itself, as `application.updated` brings it. */
export class ApplicationUpdate extends IntersectionType(
  ApplicationId,
  PartialType(OmitType(ApplicationDto, ['application_id']), { skipNullProperties: false }),
) {}
