/** A machine in the simulated network of fake-webrtc.ts. */
export class FakeHost {
  address: string;
  up = true;
  constructor(address: string) {
    this.address = address;
  }
}
