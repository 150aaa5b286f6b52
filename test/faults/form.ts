/** The long form is for whoever has time for it (`npm run faults`), the short one for every run of the tests. */
export function inForm<T>({ short, long }: { readonly short: T; readonly long: T }): T {
  return process.env.FAULTS === 'long' ? long : short;
}
