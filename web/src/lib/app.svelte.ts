/** What the whole app knows: the server, and which sheets are open. */
import * as calls from '../api/calls';
import type { ServerInfo } from '../api/types';
import { Saved } from './saved.svelte';

class App {
  server = $state.raw<ServerInfo>();
  palette = $state(false);
  sheet = $state(false);
  /** Actions that the page at hand adds to the command palette. */
  actions = $state.raw<Action[]>([]);
  /** Project that the page at hand is about, where its address does not say. */
  project = $state<string>();
  lastProject = new Saved('project', '');

  async start(): Promise<void> {
    this.server = await calls.server();
  }

  /** Offer actions in the palette; returns how to take them back. For use in $effect. */
  offer(actions: Action[]): () => void {
    this.actions = [...this.actions, ...actions];
    return () => {
      this.actions = this.actions.filter((action) => !actions.includes(action));
    };
  }
}

export interface Action {
  label: string;
  keys?: string;
  run: () => unknown;
}

export const app = new App();
