/** Buttons: with words, or an icon with an accessible name that its tooltip repeats. */
import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import styles from "./button.module.css";

type Look = "primary" | "secondary" | "quiet" | "danger";

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  readonly look?: Look;
  readonly size?: "small" | "medium" | "large";
  readonly wide?: boolean;
  readonly icon?: LucideIcon;
  readonly ref?: Ref<HTMLButtonElement>;
  readonly children: ReactNode;
};

export function classes(...names: readonly (string | false | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}

export function Button({
  look = "secondary",
  size = "medium",
  wide = false,
  icon: Icon,
  children,
  className,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={classes(styles.button, styles[look], size !== "medium" && styles[size], wide && styles.wide, className)}
    >
      {Icon === undefined ? null : <Icon size={20} aria-hidden="true" />}
      {children}
    </button>
  );
}

export type IconButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> & {
  readonly label: string;
  readonly icon: LucideIcon;
  readonly look?: Look;
  readonly tip?: "above" | "below" | "left";
  readonly ref?: Ref<HTMLButtonElement>;
};

export function IconButton({ label, icon: Icon, look = "quiet", tip = "above", className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      data-tip={label}
      data-tip-at={tip}
      className={classes(styles.button, styles.icon, styles[look], className)}
    >
      <Icon size={20} aria-hidden="true" />
    </button>
  );
}
