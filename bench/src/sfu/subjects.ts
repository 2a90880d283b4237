/** All that is compared. */
import { janusSubject } from "./janus-subject.ts";
import { rawSubject } from "./raw-subject.ts";
import { ROUTER } from "./router-subject.ts";
import type { Subject } from "./subject.ts";

export const SUBJECTS: readonly Subject[] = [
  rawSubject("send"),
  rawSubject("forward"),
  ROUTER,
  janusSubject("default"),
  janusSubject("2 event loops"),
];
