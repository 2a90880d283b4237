/** The two packages that the tests compare with: the first has no types, the second's ask for the DOM's. */
declare module "js-binarypack" {
  const binaryPack: { pack(value: unknown): { arrayBuffer(): Promise<ArrayBuffer> }; unpack(bytes: ArrayBuffer): unknown };
  export default binaryPack;
}
