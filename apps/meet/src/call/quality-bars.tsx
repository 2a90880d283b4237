/** Network quality as five bars, and as words for who cannot see or read them. */
import { useI18n } from "../i18n/index.tsx";
import type { QualityReport } from "../sdk.ts";
import styles from "./tile.module.css";

const LEVELS = [1, 2, 3, 4, 5] as const;

export function QualityBars({ quality }: { readonly quality: QualityReport | undefined }) {
  const { t } = useI18n();
  const level = quality?.level ?? 0;
  const words =
    quality === undefined
      ? t("quality.unknown")
      : [
          t("quality.label", { level, word: t(`quality.${quality.level}`) }),
          quality.reason === "none" ? "" : t(`quality.reason.${quality.reason}`),
        ]
          .filter((part) => part !== "")
          .join(" · ");
  // Green stays for what is well; two bars and fewer are red as well as short.
  const colour = level >= 4 ? "#58c487" : level === 3 ? "#f4f1ed" : "#f08a78";
  return (
    <span className={styles.bars} role="img" aria-label={words} title={words}>
      <svg width="22" height="14" viewBox="0 0 22 14" aria-hidden="true">
        {LEVELS.map((each) => (
          <rect
            key={each}
            x={(each - 1) * 4.5}
            y={14 - each * 2.8}
            width={3.2}
            height={each * 2.8}
            rx={1}
            fill={each <= level ? colour : "#6d665e"}
          />
        ))}
      </svg>
    </span>
  );
}
