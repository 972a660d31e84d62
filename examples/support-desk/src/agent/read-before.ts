export interface Call {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What a change is about: the tool that reads it, and the argument that names it. */
const SUBJECTS: Readonly<Record<string, { readonly tool: string; readonly by: string }>> = {
  update_contact: { tool: "get_customer", by: "customer_id" },
  issue_refund: { tool: "get_order", by: "order_id" },
  add_note: { tool: "get_ticket", by: "ticket_id" },
};

/** The call that shows, with what the desk may do already, whether there is anything to change: nobody is asked to permit what cannot be done. */
export function readBefore({ tool, args }: Call): Call | undefined {
  const subject = SUBJECTS[tool];
  return subject === undefined ? undefined : { tool: subject.tool, args: { [subject.by]: args[subject.by] } };
}
