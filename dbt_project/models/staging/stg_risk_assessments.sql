{{ accepted_rows(ref('base_risk_assessments'), 'risk_assessments') }}
