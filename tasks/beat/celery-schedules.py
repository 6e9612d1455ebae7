"""What Celery's own schedules say of the cases on stdin, for the tests beside this file."""
import json
import sys
from datetime import datetime, timedelta, timezone

import pytz
from celery import Celery
from celery.schedules import crontab, schedule

app = Celery('oracle', set_as_current=True)
epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(ms, zone):
    return (epoch + timedelta(milliseconds=ms)).astimezone(zone)


def wall_ms(aware):
    return round((aware.replace(tzinfo=timezone.utc) - epoch).total_seconds() * 1000)


def of_crontab(case, zone):
    last, now = moment(case['last'], zone), moment(case['now'], zone)
    made = crontab(*case['fields'], nowfun=lambda: last, app=app)
    start, delta, _ = made.remaining_delta(last)
    made.nowfun = lambda: now
    state = made.is_due(last)
    return {'wall': wall_ms(start + delta), 'due': state.is_due, 'next': state.next * 1000}


def of_interval(case, zone):
    last, now = moment(case['last'], zone), moment(case['now'], zone)
    made = schedule(case['seconds'], relative=case['relative'], nowfun=lambda: now, app=app)
    return {'remaining': made.remaining_estimate(last).total_seconds() * 1000, 'due': made.is_due(last).is_due}


def answer(case):
    zone = pytz.timezone(case['zone'])
    app.conf.timezone = case['zone']
    app.__dict__.pop('timezone', None)
    try:
        return of_crontab(case, zone) if 'fields' in case else of_interval(case, zone)
    except Exception as error:
        return {'error': type(error).__name__}


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
