// What a view says to the kernel and hears of it; put behind page.js.

const PATIENCE = 400; // ms without an answer after which we say that we wait
const AGAIN = 3000; // ms after which a request counts as lost

class Link {
  // hear: for messages to this view; slow(bool): whether we wait for an answer; gone(word)
  constructor(model, { hear, slow, gone }) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.gone = gone;
    this.slow = slow;
    this.dead = false;
    this.stops = [
      listen(model, {
        "msg:custom": (content) => {
          if (content?.slot) fillSlot(model, content.slot);
          if (content?.view !== this.view) return;
          this.answered();
          hear(content);
        },
      }),
      onKernelGone(model, (word) => this.die(word)),
    ];
  }

  // wait: a person expects an answer, so that it is said when none comes
  send(message, wait = true) {
    if (this.dead) return;
    try {
      this.model.send({ ...message, view: this.view });
    } catch {
      return this.die("is gone");
    }
    if (!wait) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.slow(true), PATIENCE);
  }

  answered() {
    clearTimeout(this.waiting);
    this.slow(false);
  }

  die(word) {
    if (this.dead) return;
    this.dead = true;
    clearTimeout(this.waiting);
    this.gone(word);
  }

  end() {
    clearTimeout(this.waiting);
    for (const stop of this.stops) stop();
  }
}
