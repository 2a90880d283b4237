/** A button that copies a text and says so. */
import { Check, Copy, type LucideIcon } from "lucide-react";
import { useI18n } from "../i18n/index.tsx";
import { Button, type ButtonProps } from "./button.tsx";
import { useCopy } from "./use-copy.ts";

type CopyButtonProps = Omit<ButtonProps, "children" | "icon" | "onClick"> & {
  readonly text: string;
  readonly label: string;
  readonly icon?: LucideIcon;
};

export function CopyButton({ text, label, icon = Copy, ...rest }: CopyButtonProps) {
  const { t } = useI18n();
  const { copied, copy } = useCopy();
  return (
    <>
      <Button {...rest} icon={copied === "yes" ? Check : icon} onClick={() => copy(text)}>
        <span>{copied === "yes" ? t("action.copied") : label}</span>
      </Button>
      <span className="visually-hidden" role="status">
        {copied === "yes" ? t("action.copied") : copied === "failed" ? t("action.copy.failed") : ""}
      </span>
    </>
  );
}
