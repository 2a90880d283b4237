/** All that is compared. */
import { janusSubject } from "./janus-subject.ts";
import { rawSubject } from "./raw-subject.ts";
import { ROUTER } from "./router-subject.ts";
import type { Subject } from "./subject.ts";
import { TSUNAGI_SFU } from "./tsunagi-subject.ts";

export const SUBJECTS: readonly Subject[] = [
  rawSubject("send"),
  rawSubject("forward"),
  TSUNAGI_SFU,
  ROUTER,
  janusSubject("default"),
  janusSubject("2 event loops"),
];
