import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { SCHEME, type Scheme } from '../auth/caller';
import { DOCUMENTED, UNDOCUMENTED, type RouteDocs } from '../http/documented';

/** One of the routes that Nest serves. */
export interface Route {
  /** In capitals. */
  readonly method: string;
  /** As OpenAPI writes it: `/v1/candidates/{candidate_id}`. */
  readonly path: string;
  /** Undefined: nobody gets in. */
  readonly scheme: Scheme | undefined;
  /** `CandidatesController.create` */
  readonly handler: string;
  readonly docs: RouteDocs | undefined;
  /** Why it is deliberately not in the reference. */
  readonly undocumented: string | undefined;
}

/** Every route of the application, in the order of its modules. */
export function routesOf(modules: ModulesContainer): Route[] {
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()]);
  const classes = new Set(controllers.map(({ metatype }) => metatype).filter((type) => typeof type === 'function'));
  return [...classes].flatMap((type) => routesIn(type as Type));
}

function routesIn(controller: Type): Route[] {
  const prototype = controller.prototype as Record<string, object>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name] as object;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const read = (key: string): unknown => Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
    const route = {
      method: RequestMethod[method],
      scheme: read(SCHEME) as Scheme | undefined,
      handler: `${controller.name}.${name}`,
      docs: read(DOCUMENTED) as RouteDocs | undefined,
      undocumented: read(UNDOCUMENTED) as string | undefined,
    };
    return pathsOf(controller, handler).map((path) => ({ ...route, path }));
  });
}

function pathsOf(controller: object, handler: object): string[] {
  const [prefixes, paths] = [controller, handler].map((target) => {
    return [Reflect.getMetadata(PATH_METADATA, target) as string | string[] | undefined].flat();
  });
  return (prefixes ?? []).flatMap((prefix) => (paths ?? []).map((path) => join(prefix ?? '', path ?? '')));
}

function join(prefix: string, path: string): string {
  const segments = `${prefix}/${path}`.split('/').filter((segment) => segment !== '');
  return `/${segments.map((segment) => segment.replace(/^:(\w+)$/, '{$1}')).join('/')}`;
}
