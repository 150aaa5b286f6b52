import { invalid, type FieldFault } from '../errors';
import { MAX_FAULTS, fieldPath } from './field-path';
import { isObject } from './json';
import { validationPlan, type BodyClass, type Field } from './validation-plan';

/**
 * Checks a JSON value against a class's class-validator rules and returns it as an instance holding exactly the fields
 * that were sent (initialisers and `@Transform` do not run: an absent field stays absent). Fields without a rule are
 * refused; members of free-form objects and of `@ValidateNested() @Type(...)` fields are all kept.
 *
 * @throws {DomainError} 422 with the first fault of every field.
 */
export function validateBody<T extends object>(type: BodyClass<T>, value: unknown): T {
  if (!isObject(value)) throw invalid([{ field: 'body', message: 'must be a JSON object' }]);
  const { names } = validationPlan(type);
  const faults: FieldFault[] = [];
  for (const key of Object.keys(value)) {
    if (!names.has(key)) faults.push({ field: fieldPath('', key), message: 'is not a known field' });
  }
  const instance = build(type, value, '', faults);
  if (faults.length > 0) throw invalid(faults.slice(0, MAX_FAULTS));
  return instance as T;
}

function build(type: BodyClass, source: object, path: string, faults: FieldFault[]): object {
  const instance = Object.create(type.prototype as object) as Record<string, unknown>;
  for (const [key, value] of Object.entries(source)) setOwn(instance, key, value);
  for (const field of validationPlan(type).fields) {
    const value = instance[field.name];
    if (!field.applies(instance, value)) continue;
    const here = fieldPath(path, field.name);
    const fault = field.check(value, instance);
    if (fault !== undefined) faults.push({ field: here, message: value === undefined ? 'is required' : fault });
    else if (field.each) setOwn(instance, field.name, buildItems(field, value, instance, here, faults));
    else if (field.nested) setOwn(instance, field.name, buildNested(field.nested, value, here, faults));
  }
  return instance;
}

function buildItems(field: Field, items: unknown, owner: object, path: string, faults: FieldFault[]): unknown {
  if (!Array.isArray(items)) {
    faults.push({ field: path, message: items === undefined ? 'is required' : 'must be an array' });
    return items;
  }
  return items.map((item: unknown, index) => {
    if (faults.length >= MAX_FAULTS) return item;
    const fault = field.checkItem(item, owner);
    if (fault !== undefined) faults.push({ field: fieldPath(path, String(index)), message: fault });
    else if (field.nested) return buildNested(field.nested, item, fieldPath(path, String(index)), faults);
    return item;
  });
}

function buildNested(type: BodyClass, value: unknown, path: string, faults: FieldFault[]): unknown {
  if (isObject(value)) return build(type, value, path, faults);
  faults.push({ field: path, message: value === undefined ? 'is required' : 'must be an object' });
  return value;
}

/** Assigning to the key `__proto__` would set the prototype; here it is data. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
