import { mount } from 'svelte';

import App from './App.svelte';
import './app.css';
import { live } from './lib/live';
import { shortcuts } from './lib/shortcuts';
import './pages/settings/prefs.svelte';

live.start();
document.addEventListener('keydown', (event) => shortcuts.press(event));
mount(App, { target: document.getElementById('app')! });
