/** @file The module hook of door.ts. Node runs it in a thread of its own. */
import type { ResolveHook } from 'node:module';

export const resolve: ResolveHook = async (specifier, context, next) => {
  if (specifier === 'gantry') return { url: new URL('../index.js', import.meta.url).href, shortCircuit: true };
  if (specifier !== 'zod') return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch {
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
};
