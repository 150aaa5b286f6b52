import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';
import { Id, Optional } from '../http/fields';

/** A file that was uploaded before. */
export class FileReference {
  @Id({ description: 'The id that `POST /uploads` answered', example: '019db49a-860b-74cb-8199-635ca3ad7f59' })
  carv_file_id!: string;
}

/** The CV of an entity. */
export function OptionalCv(): PropertyDecorator {
  return applyDecorators(
    Optional(
      { description: 'The CV: a file that was uploaded with `POST /uploads`' },
      { type: () => FileReference },
      IsObject(),
      ValidateNested(),
    ),
    Type(() => FileReference),
  );
}
