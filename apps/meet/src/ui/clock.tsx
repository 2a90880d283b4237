/** The time that has passed, by the second. */
import { useEffect, useState } from "react";
import { formatClock } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";

export function Clock({ since }: { readonly since: number }) {
  const { t } = useI18n();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span role="timer" aria-label={t("call.duration")}>
      {formatClock(now - since)}
    </span>
  );
}
