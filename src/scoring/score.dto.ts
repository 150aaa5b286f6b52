import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsString, Matches, MaxLength, ValidateBy, ValidateIf } from 'class-validator';

const MAX_REASONS = 50;
const MAX_REASON_LENGTH = 1000;

function IsScore(): PropertyDecorator {
  return ValidateBy({
    name: 'isScore',
    validator: {
      validate: (value: unknown) => typeof value === 'number' && value >= 0 && value <= 100,
      defaultMessage: () => '$property must be a number from 0 to 100, or null',
    },
  });
}

/** A missing score is explained. */
function ExplainsNull(): PropertyDecorator {
  return ValidateBy({
    name: 'explainsNull',
    validator: {
      validate: (value: unknown, args) =>
        (args?.object as Partial<ScoreAnswer>).score !== null || (Array.isArray(value) && value.length > 0),
      defaultMessage: () => '$property must say why there is no score',
    },
  });
}

/** What an external scorer answers. */
export class ScoreAnswer {
  @ValidateIf((_, value: unknown) => value !== null)
  @IsScore()
  @ApiProperty({
    description: 'From 0 to 100, rounded to a whole number; null with a reason when there is no score',
    type: 'number',
    minimum: 0,
    maximum: 100,
    nullable: true,
    example: 82,
  })
  score!: number | null;

  @ExplainsNull()
  @IsArray()
  @ArrayMaxSize(MAX_REASONS)
  @IsString({ each: true })
  @MaxLength(MAX_REASON_LENGTH, { each: true })
  @ApiProperty({
    description: 'Why, in sentences for a recruiter',
    type: 'array',
    maxItems: MAX_REASONS,
    items: { type: 'string', maxLength: MAX_REASON_LENGTH },
    example: ['5 of 6 required skills found'],
  })
  reasons!: string[];
}

/** The same, sent later. */
export class ScoreCallback extends ScoreAnswer {
  @IsString()
  @Matches(/^[\w-]{1,100}$/, { message: 'must be the callback_token of the request' })
  @ApiProperty({ description: 'The `callback_token` of the request that is answered; it counts once', type: 'string' })
  token!: string;
}
