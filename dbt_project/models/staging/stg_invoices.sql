{{ accepted_rows(ref('base_invoices'), 'invoices') }}
