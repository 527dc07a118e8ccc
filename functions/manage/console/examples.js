// Journeys to begin with. Each passes the checks of publishing; they are saved as drafts, and nothing is sent before they are published.
const unsubscribe = '\n\nNo more of these: {{ unsubscribe_url }}';

export const EXAMPLES = [
  {
    id: "welcome-mail", title: "Welcome and a reminder", about: "A mail when a customer signs up, a wait of three days for a purchase, and a reminder to those who have not bought.",
    definition: {
      name: "Welcome and a reminder",
      entry: { event: "signed_up", reentry: { mode: "once" } },
      steps: [
        { id: "hello", type: "message", channel: "email", template: { subject: "Welcome, {{ customer.first_name | default: 'friend' }}", text: `It is good to have you here.${unsubscribe}` }, next: "bought" },
        { id: "bought", type: "waitUntil", branches: [{ event: "purchase", next: "end" }], timeout: { after: "P3D", next: "reminder" } },
        { id: "reminder", type: "message", channel: "email", template: { subject: "Still looking?", text: `Your basket is waiting for you.${unsubscribe}` }, next: "end" },
        { id: "end", type: "exit" },
      ],
    },
  },
  {
    id: "offer-test", title: "Which offer works", about: "An experiment: two offers and a control group, with a wait that tells who of each has bought.",
    definition: {
      name: "Which offer works",
      entry: { event: "cart_abandoned", reentry: { mode: "afterExit", cooldown: "P30D" } },
      steps: [
        { id: "offer", type: "experiment", branches: [{ id: "ten", weight: 40, next: "ten-mail" }, { id: "twenty", weight: 40, next: "twenty-mail" }, { id: "control", weight: 20, next: "bought" }] },
        { id: "ten-mail", type: "message", channel: "email", template: { subject: "10 % off what you left behind", text: `The code is TEN.${unsubscribe}` }, next: "bought" },
        { id: "twenty-mail", type: "message", channel: "email", template: { subject: "20 % off what you left behind", text: `The code is TWENTY.${unsubscribe}` }, next: "bought" },
        { id: "bought", type: "waitUntil", branches: [{ id: "purchase", event: "purchase", next: "thanks" }], timeout: { after: "P7D", next: "end" } },
        { id: "thanks", type: "message", channel: "email", template: { subject: "Thank you", text: `Your order is on its way.${unsubscribe}` }, next: "end" },
        { id: "end", type: "exit" },
      ],
    },
  },
  {
    id: "trial", title: "A trial, by plan", about: "Quiet hours, working days, conditions on the customer and the payload, a circle that asks again each week, and an event on which the journey is left.",
    definition: {
      name: "A trial, by plan",
      entry: { event: "trial_started", reentry: { mode: "afterExit" } },
      exit: [{ event: "account_closed" }],
      quietHours: { from: "21:00", to: "08:00", otherwise: "wait" },
      steps: [
        { id: "workdays", type: "timeWindow", onDays: ["monday", "tuesday", "wednesday", "thursday", "friday"], fromTime: "09:00", toTime: "17:00", next: "by-plan" },
        {
          id: "by-plan", type: "multisplit", otherwise: "tips",
          branches: [{ id: "team", conditions: { all: [{ property: "customer.plan", operator: "is equal to", value: "team" }, { property: "payload.seats", operator: "is greater than", value: 5 }] }, next: "call" }],
        },
        { id: "call", type: "message", channel: "email", template: { subject: "Shall we show you around?", text: `Answer this mail, and we call you.${unsubscribe}` }, next: "upgraded" },
        { id: "tips", type: "message", channel: "email", template: { subject: "Three things to try", text: `Begin with the first one.${unsubscribe}` }, next: "upgraded" },
        { id: "upgraded", type: "waitUntil", branches: [{ id: "upgraded", event: "upgraded", next: "thanks" }, { id: "gone", event: "trial_ended", next: "end" }], timeout: { after: "P7D", next: "again" } },
        { id: "again", type: "message", channel: "email", template: { subject: "How is it going?", text: `Tell us what is missing.${unsubscribe}` }, next: "back" },
        { id: "back", type: "jumpTo", next: "upgraded" },
        { id: "thanks", type: "message", channel: "email", template: { subject: "Thank you", text: `Good choice.${unsubscribe}` }, next: "end" },
        { id: "end", type: "exit" },
      ],
    },
  },
];
