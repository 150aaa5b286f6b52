import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { ModulesContainer } from '@nestjs/core';
import { SCHEME, type Scheme } from '../../src/auth/caller';
import type { Gateway } from './gateway';

/** One route of the running gateway, as Nest registered it. */
export interface Route {
  readonly method: string;
  /** Such as `/v1/candidates/:candidate_id`. */
  readonly path: string;
  /** Undefined: it lets nobody in. */
  readonly scheme: Scheme | undefined;
}

/** Every route there is: what a test does for all of them, it does for the next one too. */
export function routesOf({ app }: Pick<Gateway, 'app'>): Route[] {
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.flatMap(({ metatype }) => {
    const type = metatype as (new (...args: never[]) => object) | null;
    if (type === null) return [];
    const methods = Object.getOwnPropertyNames(type.prototype).map((name) => type.prototype[name as never] as object);
    return methods.flatMap((method) => {
      const verb = Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod | undefined;
      if (verb === undefined) return [];
      const parts = [PATH_METADATA].flatMap((key) => [
        Reflect.getMetadata(key, type),
        Reflect.getMetadata(key, method),
      ]);
      const path = `/${parts.flat().join('/')}`.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
      const scheme = (Reflect.getMetadata(SCHEME, method) ?? Reflect.getMetadata(SCHEME, type)) as Scheme | undefined;
      return [{ method: RequestMethod[verb], path, scheme }];
    });
  });
}
