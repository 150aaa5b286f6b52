import type { NextFunction, Request, Response } from 'express';

/** Headers of every answer; a page or a static file may overwrite the cache rule. */
export function securityHeaders(_req: Request, res: Response, next: NextFunction): void {
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cache-Control', 'no-store');
  next();
}
