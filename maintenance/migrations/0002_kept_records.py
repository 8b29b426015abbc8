"""What the database itself holds to: an audit nobody can rewrite, and steps that stay as they ended."""

from django.db import migrations

AUDIT_IS_KEPT = """
CREATE FUNCTION maintenance_audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON maintenance_auditentry
    FOR EACH ROW EXECUTE FUNCTION maintenance_audit_is_kept();
"""
AUDIT_IS_KEPT_BACK = """
DROP TRIGGER audit_is_kept ON maintenance_auditentry;
DROP FUNCTION maintenance_audit_is_kept();
"""

ENDED_STEPS_STAY = """
CREATE FUNCTION maintenance_ended_step_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'Ended' OR NEW.outcome <> OLD.outcome THEN
        RAISE EXCEPTION 'step % has ended (%) and cannot change', OLD.id, OLD.outcome;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ended_step_stays BEFORE UPDATE ON maintenance_step
    FOR EACH ROW WHEN (OLD.state = 'Ended') EXECUTE FUNCTION maintenance_ended_step_stays();
"""
ENDED_STEPS_STAY_BACK = """
DROP TRIGGER ended_step_stays ON maintenance_step;
DROP FUNCTION maintenance_ended_step_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0001_initial")]

    operations = [
        migrations.RunSQL(AUDIT_IS_KEPT, AUDIT_IS_KEPT_BACK),
        migrations.RunSQL(ENDED_STEPS_STAY, ENDED_STEPS_STAY_BACK),
    ]
