export { type QualityLevel, QualityMeter, type QualityReason, type QualityReport, rateQuality } from "./quality.ts";
export {
  type CandidateInfo,
  type ConnectionStats,
  type DirectionStats,
  StatsReader,
  type StatsSnapshot,
  summarizeStats,
  type TrackStats,
} from "./summary.ts";
