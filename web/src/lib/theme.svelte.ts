/** Light, dark or as the system has it; and the tokens as plain colours, for canvas. */
import { Saved } from './saved.svelte';

export type ThemeChoice = 'system' | 'light' | 'dark';

class Theme {
  private saved = new Saved<ThemeChoice>('theme', 'system');
  private system = $state(false);
  private known = new Map<string, string>();

  constructor() {
    if (typeof window === 'undefined') return;
    const media = matchMedia('(prefers-color-scheme: dark)');
    this.system = media.matches;
    media.addEventListener('change', () => {
      this.known.clear();
      this.system = media.matches;
    });
  }

  get choice(): ThemeChoice {
    return this.saved.value;
  }

  set choice(choice: ThemeChoice) {
    this.known.clear();
    if (choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    this.saved.value = choice;
  }

  get dark(): boolean {
    return this.choice === 'system' ? this.system : this.choice === 'dark';
  }

  /** `theme.token('--grid')` -> 'rgb(236, 238, 242)'; follows the theme where it is tracked. */
  token(name: string): string {
    void this.dark;
    let colour = this.known.get(name);
    if (colour === undefined) {
      const probe = document.createElement('i');
      probe.style.color = `var(${name})`;
      document.body.append(probe);
      colour = getComputedStyle(probe).color;
      probe.remove();
      this.known.set(name, colour);
    }
    return colour;
  }
}

export const theme = new Theme();
