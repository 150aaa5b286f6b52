import { PartialType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  MaxLength,
  Min,
  registerDecorator,
  ValidateIf,
  ValidateNested,
  validateSync,
} from 'class-validator';
import fc from 'fast-check';
import { DomainError, type FieldFault } from '../../src/errors';
import { validateBody } from '../../src/http/validate-body';
import type { BodyClass } from '../../src/http/validation-plan';
import { FileReference, Person } from './small-app';

function faults(type: BodyClass, value: unknown): readonly FieldFault[] {
  try {
    validateBody(type, value);
  } catch (error) {
    if (error instanceof DomainError && error.status === 422) return error.faults;
    throw error;
  }
  return [];
}

/** As JSON.parse makes it: with `__proto__` as an own key. */
const parsed = (text: string): unknown => JSON.parse(text);

describe('validateBody', () => {
  it('returns an instance that holds exactly what was sent', () => {
    const sent = { id: 'c-1', email: 'a@example.com', skills: ['x'], custom_fields: { a: { b: 1 } } };
    const person = validateBody(Person, sent);
    expect(person).toBeInstanceOf(Person);
    expect(JSON.stringify(person)).toBe(JSON.stringify(sent));
    expect(Object.keys(person)).toEqual(Object.keys(sent));
  });

  it('keeps constructor, __proto__ and hasOwnProperty inside free-form objects', () => {
    const text = '{"id":"1","custom_fields":{"constructor":1,"__proto__":{"x":2},"hasOwnProperty":3}}';
    expect(JSON.stringify(validateBody(Person, parsed(text)))).toBe(text);
  });

  it('names each unknown top-level field, whatever it is called', () => {
    const text = '{"id":"1","__proto__":{"id":"2"},"constructor":1,"hasOwnProperty":2,"nickname":3}';
    const unknown = ['__proto__', 'constructor', 'hasOwnProperty', 'nickname'];
    expect(faults(Person, parsed(text))).toEqual(unknown.map((field) => ({ field, message: 'is not a known field' })));
  });

  it('reports all faulty fields, the first message each, without the property’s name in it', () => {
    expect(faults(Person, { email: 'x', skills: ['a', 1, null], cv: { carv_file_id: '' }, custom_fields: [] })).toEqual(
      [
        { field: 'id', message: 'is required' },
        { field: 'email', message: 'must be an email' },
        { field: 'skills.1', message: 'must be a string' },
        { field: 'skills.2', message: 'must be a string' },
        { field: 'cv.carv_file_id', message: 'must be 1–200 visible characters' },
        { field: 'custom_fields', message: 'must be an object' },
      ],
    );
  });

  it('says in words what the list of faults says', () => {
    expect(() => validateBody(Person, { id: '1', email: 'x' })).toThrow('email must be an email');
  });

  it.each([[null], [[]], ['text'], [7], [true]])('refuses %j: a body is an object', (value) => {
    expect(faults(Person, value)).toEqual([{ field: 'body', message: 'must be a JSON object' }]);
  });

  it('refuses null for a required field', () => {
    expect(faults(Person, { id: null })).toEqual([{ field: 'id', message: 'must be 1–200 visible characters' }]);
  });

  it('does not take an array, a list of objects or a scalar for a nested object', () => {
    for (const cv of [[], [{ carv_file_id: 'f' }], 'f', 7]) {
      expect(faults(Person, { id: '1', cv })).toEqual([{ field: 'cv', message: 'must be an object' }]);
    }
  });

  it('makes a nested object an instance of its class, and checks it under any constructor it claims', () => {
    const { cv } = validateBody(Person, { id: '1', cv: { carv_file_id: 'f', more: 1 } });
    expect(cv).toBeInstanceOf(FileReference);
    expect(JSON.stringify(cv)).toBe('{"carv_file_id":"f","more":1}');
    expect(faults(Person, parsed('{"id":"1","cv":{"constructor":1,"__proto__":{"carv_file_id":"f"}}}'))).toEqual([
      { field: 'cv.carv_file_id', message: 'is required' },
    ]);
  });

  it('does not take a text for a list because its rules say each', () => {
    class Loose {
      @IsString({ each: true })
      tags!: string[];
    }
    expect(faults(Loose, { tags: 'a' })).toEqual([{ field: 'tags', message: 'must be an array' }]);
    expect(faults(Loose, {})).toEqual([{ field: 'tags', message: 'is required' }]);
  });

  it('checks lists of nested objects item by item', () => {
    class Files {
      @IsArray()
      @ValidateNested({ each: true })
      @Type(() => FileReference)
      files!: FileReference[];
    }
    expect(validateBody(Files, { files: [{ carv_file_id: 'f' }] }).files[0]).toBeInstanceOf(FileReference);
    expect(faults(Files, { files: [{ carv_file_id: 'f' }, {}, 3] })).toEqual([
      { field: 'files.1.carv_file_id', message: 'is required' },
      { field: 'files.2', message: 'must be an object' },
    ]);
  });

  it('follows PartialType, where null for a required field stays refused', () => {
    class Part extends PartialType(Person, { skipNullProperties: false }) {}
    expect(JSON.stringify(validateBody(Part, { cv: { carv_file_id: 'f' } }))).toBe('{"cv":{"carv_file_id":"f"}}');
    expect(validateBody(Part, { cv: { carv_file_id: 'f' } }).cv).toBeInstanceOf(FileReference);
    expect(faults(Part, { id: null, nickname: 1 }).map((f) => f.field)).toEqual(['nickname', 'id']);
  });

  it('answers a hundred thousand unknown or faulty fields with a bounded list', () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`x${n}`, n]));
    expect(faults(Person, { id: '1', ...many })).toHaveLength(100);
    expect(faults(Person, { id: '1', skills: Array(100_000).fill(1) })).toHaveLength(100);
    expect(faults(Person, { id: '1', ['k'.repeat(1e5)]: 1 })[0]?.field.length).toBeLessThan(250);
  });

  it('stops checking the items of a list when there are more faults than it will name', () => {
    let checked = 0;
    class Counted {
      items!: unknown[];
    }
    const validator = { validate: (): boolean => ++checked < 0 };
    registerDecorator({ target: Counted, propertyName: 'items', options: { each: true }, validator });
    expect(faults(Counted, { items: Array(10_000).fill(1) })).toHaveLength(100);
    expect(checked).toBe(100);
  });

  it('refuses classes that it could not check: no @Type, an asynchronous rule', () => {
    class Untyped {
      @ValidateNested()
      cv!: object;
    }
    class Slow {
      id!: string;
    }
    registerDecorator({ target: Slow, propertyName: 'id', async: true, validator: { validate: async () => false } });
    expect(() => validateBody(Untyped, {})).toThrow('Untyped.cv: @ValidateNested() needs @Type() beside it');
    expect(() => validateBody(Slow, {})).toThrow('Slow.id: an asynchronous rule would be ignored');
  });

  it('fills the numbers and lists of a rule into its message', () => {
    class Rules {
      @MaxLength(3)
      short!: string;

      @IsIn(['open', 'closed'])
      status!: string;

      @Min(1, { message: ({ property }) => `${property} is below one` })
      count!: number;
    }
    expect(faults(Rules, { short: 'long text', status: 'x', count: 0 }).map((f) => f.message)).toEqual([
      'must be shorter than or equal to 3 characters',
      'must be one of the following values: open, closed',
      'count is below one',
    ]);
  });
});

describe('the loop over the rules', () => {
  class Zoo {
    @IsDefined()
    defined!: unknown;

    @IsString()
    @MaxLength(4)
    text!: string;

    @IsOptional()
    @IsInt()
    @Min(0)
    count?: number;

    @ValidateIf((zoo: Zoo) => zoo.count === 1)
    @IsString()
    reason?: string;

    @IsOptional()
    @IsArray()
    @ArrayMaxSize(2)
    @MaxLength(2, { each: true })
    tags?: string[];
  }

  it('comes to the verdict of class-validator itself on every field', () => {
    const anything = fc.constantFrom<unknown>(undefined, null, '', 'ok', 'longer', -1, 0, 1, 1.5, true, {});
    const tags = fc.oneof(fc.constantFrom(undefined, null), fc.array(fc.constantFrom('a', 'ab', 'abc', 1, null)));
    const zoo = fc.record({ defined: anything, text: anything, count: anything, reason: anything, tags });
    fc.assert(
      fc.property(zoo, (value) => {
        const theirs = validateSync(Object.assign(new Zoo(), value)).map((error) => error.property);
        const ours = faults(Zoo, value).map((fault) => fault.field.replace(/\..*/, ''));
        expect(new Set(ours)).toEqual(new Set(theirs));
      }),
      { numRuns: 500 },
    );
  });
});
