import type { CustomDecorator, Type } from '@nestjs/common';
import { ACCEPTED, Documented, found, idInPath, PAGE, pageOf, type ParameterDocs } from '../http/documented';
import type { EntityName } from './entity';

/** How the reference speaks of one kind of entity; its routes differ in nothing else. */
interface Words {
  readonly tag: string;
  readonly one: string;
  readonly many: string;
  readonly id: string;
}

const WORDS: Record<EntityName, Words> = {
  candidate: { tag: 'Candidates', one: 'a candidate', many: 'candidates', id: 'candidate-123' },
  vacancy: { tag: 'Vacancies', one: 'a vacancy', many: 'vacancies', id: 'vacancy-42' },
  application: { tag: 'Applications', one: 'an application', many: 'applications', id: 'application-7' },
};

export function CreateDocs(name: EntityName, dto: Type): CustomDecorator {
  const { tag, one } = WORDS[name];
  return Documented({
    id: `create${capital(name)}`,
    tag,
    summary: `Create ${one}, or replace it`,
    description: `The result is the event \`${name}.created\`, or \`${name}.updated\` where the ${name} existed; it is replaced then.`,
    context: 'member',
    headers: ['Idempotency-Key'],
    body: { shape: dto },
    answers: { 202: ACCEPTED },
    refuses: [409],
  });
}

export function UpdateDocs(name: EntityName, patch: Type): CustomDecorator {
  const { tag, one } = WORDS[name];
  return Documented({
    id: `update${capital(name)}`,
    tag,
    summary: `Change fields of ${one}`,
    description:
      'A JSON Merge Patch (RFC 7396): `null` removes a field. The result is the event ' +
      `\`${name}.updated\`; for an unknown id its \`status\` is \`error\`, with the code \`not_found\`.`,
    path: entityId(name),
    context: 'member',
    headers: ['Idempotency-Key'],
    body: { shape: patch, types: ['application/json', 'application/merge-patch+json'] },
    answers: { 202: ACCEPTED },
    refuses: [409],
  });
}

export function RemoveDocs(name: EntityName): CustomDecorator {
  const { tag, one } = WORDS[name];
  return Documented({
    id: `delete${capital(name)}`,
    tag,
    summary: `Delete ${one}`,
    description:
      `The result is the event \`${name}.deleted\`; for an unknown id its \`status\` is \`error\`, ` +
      'with the code `not_found`.',
    path: entityId(name),
    context: 'member',
    headers: ['Idempotency-Key'],
    answers: { 202: ACCEPTED },
    refuses: [409],
  });
}

export function ListDocs(name: EntityName): CustomDecorator {
  const { tag, many } = WORDS[name];
  return Documented({
    id: `list${capital(many)}`,
    tag,
    summary: `List ${many}`,
    description: 'In the order of their last change: the last `updated_at` is the `updated_after` to go on with later.',
    context: 'workspace',
    query: PAGE,
    answers: { 200: { description: `A page of ${many}`, shape: pageOf(`Stored${capital(name)}`) } },
    refuses: [409],
  });
}

export function FindDocs(name: EntityName): CustomDecorator {
  const { tag, one } = WORDS[name];
  return Documented({
    id: `get${capital(name)}`,
    tag,
    summary: `Read ${one}`,
    path: entityId(name),
    context: 'workspace',
    headers: ['If-None-Match'],
    answers: found(`The ${name}, normalised`, `Stored${capital(name)}`),
    refuses: [404, 409],
  });
}

function entityId(name: EntityName): Record<string, ParameterDocs> {
  return { [`${name}_id`]: idInPath(`The ${name}'s id in the ATS`, WORDS[name].id) };
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
