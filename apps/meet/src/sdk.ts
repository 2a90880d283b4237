/** The one door to the SDK: the app uses its public API alone, and tests hand in a stand-in of this shape. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
