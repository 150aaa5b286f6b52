import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { IsNumber, IsString, Matches, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import {
  Id,
  Optional,
  OptionalEmail,
  OptionalId,
  OptionalList,
  OptionalText,
  OptionalTexts,
  OptionalTime,
  Text,
  type FieldDoc,
} from '../http/fields';

/** As large as a request may be; the body's own limit is met first. */
const MAX_TEXT = 1_000_000;
const MAX_SEGMENTS = 20_000;
const DAY_SECONDS = 86_400;

function OptionalSeconds(doc: FieldDoc): PropertyDecorator {
  const schema = { type: 'number', minimum: 0, maximum: DAY_SECONDS } as const;
  return Optional(doc, schema, IsNumber({}, { message: 'must be a number' }), Min(0), Max(DAY_SECONDS));
}

/** Somebody who took part. */
export class Participant {
  @Text(500, { description: 'The name', example: 'Jane Smith' })
  name!: string;

  @OptionalEmail({ description: 'The e-mail address', example: 'jane.smith@example.com' })
  email?: string | null;

  @OptionalText(100, { description: 'The part played', example: 'candidate' })
  role?: string | null;

  @OptionalId({ description: "The member's id in the ATS, of one who is a member", example: 'your-user-id' })
  user_id?: string | null;
}

/** What every event of a meeting tells of it. */
class Meeting {
  @Id({ description: "The meeting's id at Carv; its events arrive in their order", example: 'meeting-9' })
  meeting_id!: string;

  @OptionalId({ description: 'The candidate it was held with', example: 'candidate-123' })
  candidate_id?: string | null;

  @OptionalId({ description: 'The vacancy it was about', example: 'vacancy-42' })
  vacancy_id?: string | null;

  @OptionalId({ description: 'The application it belongs to', example: 'application-7' })
  application_id?: string | null;

  @OptionalText(2000, { description: 'What it was called', example: 'First interview' })
  title?: string | null;

  @OptionalTime({ description: 'When it began, in ISO 8601', example: '2026-02-25T10:30:00Z' })
  started_at?: string | null;

  @OptionalTime({ description: 'When it ended, in ISO 8601', example: '2026-02-25T11:15:00Z' })
  ended_at?: string | null;

  @OptionalList(Participant, { description: 'Who took part' })
  participants?: Participant[] | null;
}

/** What one speaker said without being interrupted. */
export class TranscriptSegment {
  @OptionalText(500, { description: 'Who spoke', example: 'Jane Smith' })
  speaker?: string | null;

  @OptionalSeconds({ description: 'Seconds from the beginning of the meeting', example: 12.5 })
  start_seconds?: number | null;

  @OptionalSeconds({ description: 'Seconds from the beginning of the meeting', example: 17 })
  end_seconds?: number | null;

  @Text(MAX_TEXT, { description: 'What was said', example: 'I have worked with PostgreSQL for six years.' })
  text!: string;
}

class Transcript {
  @ValidateIf(({ transcript, segments }: Transcript) => transcript != null || segments == null)
  @IsString()
  @MaxLength(MAX_TEXT)
  @Matches(/\S/, { message: 'must not be empty' })
  @ApiProperty({
    description: 'What was said, as one text; may be left out where there are segments',
    example: 'Jane Smith: I have worked with PostgreSQL for six years.',
    type: 'string',
    maxLength: MAX_TEXT,
    required: false,
    nullable: true,
  })
  transcript?: string | null;

  @OptionalList(TranscriptSegment, { description: 'What was said, by speaker and time' }, MAX_SEGMENTS)
  segments?: TranscriptSegment[] | null;

  @OptionalText(35, { description: 'The language, as a BCP 47 tag', example: 'en' })
  language?: string | null;
}

/** A part of a summary or of notes. */
export class Section {
  @OptionalText(500, { description: 'The heading', example: 'Experience' })
  heading?: string | null;

  @Text(MAX_TEXT, { description: 'The text', example: 'Six years of PostgreSQL, four of them on call.' })
  text!: string;
}

class Summary {
  @Text(MAX_TEXT, { description: 'The summary, whole', example: 'Jane has run PostgreSQL for six years.' })
  summary!: string;

  @OptionalTexts({ description: 'What matters most, in few words each', example: ['Available from May'] })
  key_points?: string[] | null;

  @OptionalList(Section, { description: 'The same summary by topic' })
  sections?: Section[] | null;
}

/** Something that somebody is to do. */
export class ActionItem {
  @Text(5000, { description: 'What is to be done', example: 'Send the assignment' })
  text!: string;

  @OptionalText(500, { description: 'By whom', example: 'Ann Lee' })
  assignee?: string | null;

  @OptionalTime({ description: 'By when, in ISO 8601', example: '2026-03-01' })
  due_at?: string | null;
}

class Notes {
  @Text(MAX_TEXT, { description: 'The notes, whole', example: 'Asked about on-call. Wants to work remotely.' })
  notes!: string;

  @OptionalList(Section, { description: 'The same notes by topic' })
  sections?: Section[] | null;

  @OptionalList(ActionItem, { description: 'What was agreed to be done' })
  action_items?: ActionItem[] | null;
}

/** `meeting.transcript_ready`: `transcript`, `segments`, or both. */
export class MeetingTranscript extends IntersectionType(Meeting, Transcript) {}

/** `meeting.summary_ready` */
export class MeetingSummary extends IntersectionType(Meeting, Summary) {}

/** `meeting.notes_ready` */
export class MeetingNotes extends IntersectionType(Meeting, Notes) {}
