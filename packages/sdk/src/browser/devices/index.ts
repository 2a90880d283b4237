export {
  type Device,
  type Devices,
  type DeviceWish,
  listDevices,
  type OpenMediaOptions,
  openMedia,
  setSpeaker,
  speakerSelectable,
  switchDevice,
  watchDevices,
} from "./devices.ts";
export type { DeviceErrorCode } from "./errors.ts";
export { createLevelMeter, type LevelMeter } from "./level-meter.ts";
export { type ShareScreenOptions, shareScreen } from "./screen.ts";
